"""WarmStartTrainer: TFX's Trainer, with inputs for noise and a previous model."""
