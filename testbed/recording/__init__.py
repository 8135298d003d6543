"""What is written into a history besides what users do: what a bed is, who serves, what servers saw and hold."""
