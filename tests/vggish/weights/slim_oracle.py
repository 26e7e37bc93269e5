"""VGGish as the reference defines it, in tf-slim, written out for the tests to compare with.

Usage: python slim_oracle.py FOLDER

Writes to FOLDER: `vggish_model.ckpt`, a checkpoint of the released one's format (V1) with seeded
values; `variables.npz`, those values; `layers.npz`, a log-mel input and the output of every layer.
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow.compat.v1 as tf
import tf_slim as slim

LAYERS = {
    "conv1": "conv1/Relu",
    "pool1": "pool1/MaxPool",
    "conv2": "conv2/Relu",
    "pool2": "pool2/MaxPool",
    "conv3_1": "conv3/conv3_1/Relu",
    "conv3_2": "conv3/conv3_2/Relu",
    "pool3": "pool3/MaxPool",
    "conv4_1": "conv4/conv4_1/Relu",
    "conv4_2": "conv4/conv4_2/Relu",
    "pool4": "pool4/MaxPool",
    "fc1_1": "fc1/fc1_1/Relu",
    "fc1_2": "fc1/fc1_2/Relu",
    "fc2": "fc2/BiasAdd",
}


def build() -> tf.Tensor:
    log_mel = tf.placeholder(tf.float32, [None, 96, 64])
    with tf.variable_scope("vggish"), slim.arg_scope([slim.max_pool2d], stride=2, padding="SAME"):
        net = slim.conv2d(log_mel[..., tf.newaxis], 64, 3, scope="conv1")
        net = slim.max_pool2d(net, 2, scope="pool1")
        net = slim.conv2d(net, 128, 3, scope="conv2")
        net = slim.max_pool2d(net, 2, scope="pool2")
        net = slim.repeat(net, 2, slim.conv2d, 256, 3, scope="conv3")
        net = slim.max_pool2d(net, 2, scope="pool3")
        net = slim.repeat(net, 2, slim.conv2d, 512, 3, scope="conv4")
        net = slim.max_pool2d(net, 2, scope="pool4")
        net = slim.repeat(slim.flatten(net), 2, slim.fully_connected, 4096, scope="fc1")
        slim.fully_connected(net, 128, scope="fc2", activation_fn=None)
    return log_mel


def seeded_values() -> dict[str, np.ndarray]:
    """Values that keep the activations' scale through the layers, so that errors would show."""
    rng = np.random.default_rng(7)
    values = {}
    for variable in tf.global_variables():
        shape = variable.shape.as_list()
        limit = np.sqrt(6 / np.prod(shape[:-1])) if len(shape) > 1 else 0.2
        values[variable.op.name] = (rng.random(shape, np.float32) * 2 - 1) * np.float32(limit)
    return values


def main(folder: Path) -> None:
    log_mel = build()
    values = seeded_values()
    windows = np.random.default_rng(8).normal(-2.0, 1.5, (3, 96, 64)).astype(np.float32)
    graph = tf.get_default_graph()
    layers = {name: graph.get_tensor_by_name(f"vggish/{op}:0") for name, op in LAYERS.items()}
    with tf.Session() as session:
        for variable in tf.global_variables():
            variable.load(values[variable.op.name], session)
        outputs = session.run(layers, {log_mel: windows})
        saver = tf.train.Saver(write_version=tf.train.SaverDef.V1)
        saver.save(session, str(folder / "vggish_model.ckpt"), write_meta_graph=False)
    np.savez(folder / "variables.npz", **values)
    np.savez(folder / "layers.npz", input=windows, **outputs)


if __name__ == "__main__":
    tf.disable_eager_execution()
    main(Path(sys.argv[1]))
