"""Where a pipeline runs: this machine, Beam's runners, Kubeflow Pipelines and Vertex AI."""
