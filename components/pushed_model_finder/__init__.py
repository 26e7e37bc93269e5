"""PushedModelFinder: finds the model that is in production."""
