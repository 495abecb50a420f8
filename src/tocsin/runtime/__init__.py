"""What every service runs on: settings, clock, security, web frame, logging, metrics, lifecycle."""
