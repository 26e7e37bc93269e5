"""Where and how a pipeline runs: this machine, Beam's runners, Kubeflow and Vertex AI."""
