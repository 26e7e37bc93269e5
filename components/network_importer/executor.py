"""Brings a network's weights into the pipeline."""

from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.network_importer.precision_trial import faster_precision
from schema.imported_weights import import_weights, no_weights, write_imported_weights
from vggish.weights import checkpoint


class Executor(BaseExecutor):
    """Converts released weights, or draws seeded random ones."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the weights and their origin.

        Args:
            input_dict: Empty.
            output_dict: `weights`.
            exec_properties: `network`, empty of embeddings from an unknown one; `checkpoint`, a
                path, `download` or `random`; `seed` of random weights; `pca_params`, a path,
                `download` or None; `compute`, the precision of the network, or `auto`.

        Raises:
            CheckpointError: The checkpoint or the PCA parameters are not the network's.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        artifact = artifact_utils.get_single_instance(output_dict["weights"])
        network = exec_properties["network"]
        if not network:
            write_imported_weights(path_utils.serving_model_dir(artifact.uri), no_weights())
            return
        values, weights = checkpoint.resolve(
            exec_properties["checkpoint"], exec_properties["seed"], network=network
        )
        compute = exec_properties["compute"]
        if compute == "auto":
            compute = faster_precision(network, values)
        pca = exec_properties.get("pca_params")
        imported = import_weights(network, weights, values, pca, compute)
        write_imported_weights(path_utils.serving_model_dir(artifact.uri), imported)
        artifact.set_string_custom_property("weights", imported.origin.weights)
        artifact.set_string_custom_property("sha256", imported.origin.sha256)
        artifact.set_string_custom_property("compute", compute)
