"""Each planted defect is found, by an ordinary test that names the rule."""
