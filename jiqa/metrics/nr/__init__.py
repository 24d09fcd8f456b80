"""No-reference metrics: functions of an image alone, and features for regressions."""
