"""WarmStartTrainer: TFX's Trainer, with what training on sound needs besides."""
