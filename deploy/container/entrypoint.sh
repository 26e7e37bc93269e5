#!/bin/sh
# Beam's runners start a worker with nothing but the flags of its boot program, such as --id=1;
# people start with a command of vggish-tfx. Kubeflow and Vertex AI set a command of their own.
case "${1-}" in
  --help) exec vggish-tfx --help ;;
  --*) exec /opt/apache/beam/boot "$@" ;;
  *) exec vggish-tfx "$@" ;;
esac
