"""What the simulator finds when it is given time; no engine is needed."""
