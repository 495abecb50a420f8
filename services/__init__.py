"""The services: thin processes around what the package `tocsin` gives them. None knows another."""
