"""Runs a compiled pipeline as Kubeflow does, with processes in place of containers.

What Kubeflow's driver and launcher do is done here by the schema of `ExecutorInput`: resolve each
task's inputs, give its outputs places, fill the arguments' placeholder in, start the command, and
read what it says of its outputs. The commands themselves are the compiled ones, entry point, flags
and all.
"""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

EXECUTOR_INPUT = "{{$}}"


class Replay:
    """One run of a compiled pipeline.

    Args:
        spec: The compiled pipeline.
        root: The pipeline root, a folder of this machine.
        parameters: Values for the pipeline's parameters that have no default, or another one.
        environment: Of the processes.
    """

    def __init__(
        self,
        spec: dict[str, Any],
        root: Path,
        parameters: dict[str, str],
        environment: dict[str, str],
    ):
        self._spec = spec
        self._root = root
        self._environment = environment
        declared = spec["root"]["inputDefinitions"]["parameters"]
        defaults = {k: v["defaultValue"] for k, v in declared.items() if "defaultValue" in v}
        assert parameters.keys() <= declared.keys()
        self.parameters = defaults | parameters
        """The values that the run was given."""
        self.outputs: dict[str, dict[str, dict[str, Any]]] = {}
        """The artifacts by task and key, as the tasks have told of them."""

    def run(self) -> None:
        """Runs all tasks, each after those that it depends on."""
        tasks = self._spec["root"]["dag"]["tasks"]
        while waiting := [task for task in tasks if task not in self.outputs]:
            ready = [
                t for t in waiting if set(tasks[t].get("dependentTasks", [])) <= {*self.outputs}
            ]
            assert ready, f"{waiting} wait for each other"
            for task in ready:
                self._run_task(task, tasks[task])

    def _run_task(self, name: str, task: dict[str, Any]) -> None:
        component = self._spec["components"][task["componentRef"]["name"]]
        executors = self._spec["deploymentSpec"]["executors"]
        container = executors[component["executorLabel"]]["container"]
        folder = self._root / name
        folder.mkdir(parents=True)
        executor_input = self._executor_input(name, task, component, folder)
        arguments = [
            json.dumps(executor_input) if argument == EXECUTOR_INPUT else argument
            for argument in container["args"]
        ]
        python, *command = container["command"]
        assert python == "python"
        log = folder / "log"
        with log.open("wb") as file:
            done = subprocess.run(
                [sys.executable, *command, *arguments],
                stdout=file,
                stderr=file,
                env=os.environ | self._environment,
                cwd=folder,
                check=False,
            )
        assert done.returncode == 0, f"{name}:\n{log.read_text()[-5000:]}"
        self.outputs[name] = _outputs_of(executor_input)

    def _executor_input(
        self, name: str, task: dict[str, Any], component: dict[str, Any], folder: Path
    ) -> dict[str, Any]:
        """Builds what the specification calls `ExecutorInput`."""
        inputs = task.get("inputs", {})
        outputs = component.get("outputDefinitions", {}).get("artifacts", {})
        return {
            "inputs": {
                "parameterValues": {
                    key: self._value_of(value)
                    for key, value in inputs.get("parameters", {}).items()
                },
                "artifacts": {
                    key: {"artifacts": [self._artifact(source["taskOutputArtifact"])]}
                    for key, source in inputs.get("artifacts", {}).items()
                },
            },
            "outputs": {
                "artifacts": {
                    key: {
                        "artifacts": [
                            {
                                "name": f"projects/1/metadataStores/default/artifacts/{name}-{key}",
                                "type": output["artifactType"],
                                "uri": str(folder / key),
                                "metadata": output.get("metadata", {}),
                            }
                        ]
                    }
                    for key, output in outputs.items()
                },
                "outputFile": str(folder / "executor_output.json"),
            },
        }

    def _value_of(self, source: dict[str, Any]) -> Any:
        if "componentInputParameter" in source:
            return self.parameters[source["componentInputParameter"]]
        return source["runtimeValue"]["constant"]

    def _artifact(self, source: dict[str, str]) -> dict[str, Any]:
        return self.outputs[source["producerTask"]][source["outputArtifactKey"]]


def _outputs_of(executor_input: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Reads what a task says of its outputs, which it need not name or type again."""
    told = json.loads(Path(executor_input["outputs"]["outputFile"]).read_text())
    artifacts = {}
    for key, given in executor_input["outputs"]["artifacts"].items():
        (artifact,) = copy.deepcopy(given["artifacts"])
        (said,) = told["artifacts"][key]["artifacts"]
        artifact |= {field: said[field] for field in ("uri", "metadata") if field in said}
        artifacts[key] = artifact
    return artifacts
