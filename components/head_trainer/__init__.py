"""HeadTrainer: TFX's Trainer, with a folder for the backups of a training."""
