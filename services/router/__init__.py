"""The router: owns the regions, decides over calls and acts, tells the agencies."""
