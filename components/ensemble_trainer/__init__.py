"""EnsembleTrainer: TFX's Trainer, with inputs for the models of an ensemble."""
