"""What everyone sees: a read model of the incidents, live streams, the console, and a record of deliveries."""
