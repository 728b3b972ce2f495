"""`maps`: maps of items to explore in the notebook, in a file or in TensorBoard."""

from recsys_workshop.labs.maps.film_map import film_map
from recsys_workshop.labs.maps.projector import projector

__all__ = ["film_map", "projector"]
