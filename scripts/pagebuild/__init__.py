"""From the sources of the pages to notebooks: reading, checking, writing, running."""
