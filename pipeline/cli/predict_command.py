"""The command for predictions of a pushed model: `predict`."""

import dataclasses
import json
from typing import Annotated

import typer

from pipeline.cli.options import ModelNameOption, ServerOption, TimeoutOption
from pipeline.cli.process_exit import EXIT_FAILURE
from vggish.quiet_tensorflow import import_tensorflow_quietly


def predict(
    arguments: Annotated[
        list[str],
        typer.Argument(
            help="A run's folder for its newest model, or a model, unless --server is given; then "
            "sound files, folders and globs, or tables of embeddings.",
            metavar="[MODEL] AUDIO…",
        ),
    ],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="Write a table, .parquet or .csv.", metavar="FILE"),
    ] = None,
    server: ServerOption = None,
    model_name: ModelNameOption = "sounds",
    timeout: TimeoutOption = 30.0,
) -> None:
    """Print the predictions of a model for sounds or embeddings, one JSON line per clip."""
    from pipeline.predict.prediction_tables import check_table_path, write_predictions

    if output is not None:
        check_table_path(output)
    import_tensorflow_quietly()
    from pipeline.predict.clip_prediction import load_pushed_model, predict_files
    from pipeline.predict.inputs import find_sounds, find_tables, take_model
    from pipeline.predict.model_server import connect_to_server
    from pipeline.predict.table_prediction import load_embedding_model, predict_tables

    if server is None:
        folder, inputs = take_model(arguments)
        if tables := find_tables(inputs):
            predictions = predict_tables(tables, *load_embedding_model(folder))
        else:
            files = find_sounds(inputs)
            predictions = predict_files(files, load_pushed_model(folder))
    else:
        files = find_sounds(arguments)
        predictions = predict_files(files, connect_to_server(server, model_name, timeout))
    if output is not None:
        rows, refused = write_predictions(predictions, output)
        print(f"{output}: {rows} files, {refused} of them without an answer")
    else:
        refused = 0
        for prediction in predictions:
            refused += prediction.error is not None
            line = dataclasses.asdict(prediction)
            line = {key: v for key, v in line.items() if v is not None or key == "label"}
            print(json.dumps(line, ensure_ascii=False), flush=True)
    if refused:
        raise typer.Exit(EXIT_FAILURE)
