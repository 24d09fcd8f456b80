"""Full-reference metrics: functions of an image and its reference."""
