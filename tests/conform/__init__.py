"""`testbed conform` judges clients that differ in their conduct, and its verdicts differ as they should."""
