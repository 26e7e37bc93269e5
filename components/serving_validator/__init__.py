"""ServingValidator: whether a server could run the model, before it is handed to one."""
