"""The members of an ensemble: models that other Trainers of the run have exported."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from schema.clip_scores import read_clip_scores, scores_file
from schema.model_card import read_model_card
from trainer.ensemble.combination import Combination


@dataclass(frozen=True)
class Member:
    """A model of the run.

    Attributes:
        name: Its name.
        card: Its model card.
        model_run: The folder of its Trainer's `model_run`.
        served: Its SavedModel, whose variables live as long as this object.
    """

    name: str
    card: dict[str, Any]
    model_run: str
    served: Any

    @property
    def answer(self) -> Any:
        """The signature `embeddings`."""
        return self.served.signatures["embeddings"]

    @property
    def parameters(self) -> int:
        """Number of parameters of what it computes from features."""
        return sum(variable.shape.num_elements() for variable in self.answer.variables)

    def scores_of(self, split: str, clip_ids: np.ndarray) -> np.ndarray:
        """Returns its scores of clips of a split, float32 [clips, classes].

        Args:
            split: `train` or `eval`.
            clip_ids: bytes [clips].
        """
        scores = read_clip_scores(os.path.join(self.model_run, scores_file(split)))
        return np.stack([scores[clip_id.decode()] for clip_id in clip_ids])


def read_member(name: str, model: str, model_run: str) -> Member:
    """Reads a member.

    Args:
        name: Its name.
        model: Its SavedModel.
        model_run: The folder of its Trainer's `model_run`.
    """
    return Member(name, read_model_card(model), model_run, tf.saved_model.load(model))


class EnsembleHead(tf.Module):
    """Scores clips, float32 [batch, classes], from the features of all members.

    Args:
        members: The members.
        features: For each of them, the first of its features and the number after the last.
        combination: What is done to their scores.
    """

    def __init__(
        self,
        members: Sequence[Member],
        features: Sequence[tuple[int, int]],
        combination: Combination,
    ):
        super().__init__(name="ensemble_head")
        self._members = members
        self._features = features
        self._combination = combination

    def __call__(self, embedding: tf.RaggedTensor) -> tf.Tensor:
        """Scores a batch, ragged float32 [batch, n, sum of the sizes of the features]."""
        answers = [self._ask(number, embedding) for number in range(len(self._members))]
        return self._combination([answer["scores"] for answer in answers])

    def unfamiliarity(self, embedding: tf.RaggedTensor) -> tf.Tensor:
        """Returns how unfamiliar clips are to the first member, float32 [batch, 1]."""
        return self._ask(0, embedding)["unfamiliarity"][:, tf.newaxis]

    def _ask(self, number: int, embedding: tf.RaggedTensor) -> dict[str, tf.Tensor]:
        begin, end = self._features[number]
        own = embedding.with_values(embedding.values[:, begin:end])
        return self._members[number].answer(embeddings=own.to_tensor(float("nan")))
