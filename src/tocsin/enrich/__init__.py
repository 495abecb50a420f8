"""Understanding a call: its words by the lexicon (and a trained model), its place by polygons and the gazetteer."""

from tocsin.enrich.crs import to_wgs84
from tocsin.enrich.enricher import Enricher

__all__ = ["Enricher", "to_wgs84"]
