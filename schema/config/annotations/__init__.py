"""The section `source.annotations`, which the processes that decode sounds read, too."""
