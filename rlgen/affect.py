"""The shared emotion space: six category probabilities, valence and arousal. Numbers only.

An *affect* is a float array `[..., 8]`: `AFFECT_DIM` = six probabilities in the order of
`CATEGORIES` (they sum to one), then valence and arousal in [-1, 1]. Every part that hands an
emotion to another part hands it in this space, so that recognizers, readers, people and
generators can be exchanged one by one.

How strong an emotion is, its *intensity*, is in [0, 1], and *relief*, the fall of a person's intensity, in
[-1, 1], whoever the person is. Surveys ask for intensity in points from 1 to 5: `in_points` and `from_points`
are the one conversion between the two.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

CATEGORIES: Final = ("neutral", "happiness", "sadness", "anger", "fear", "surprise")
NUM_CATEGORIES: Final = len(CATEGORIES)
VALENCE: Final = NUM_CATEGORIES
AROUSAL: Final = NUM_CATEGORIES + 1
AFFECT_DIM: Final = NUM_CATEGORIES + 2

NEUTRAL, HAPPINESS, SADNESS, ANGER, FEAR, SURPRISE = range(NUM_CATEGORIES)

SURVEY_POINTS: Final = 4  # between the ends of the survey's scale of intensity, 1 (hardly) and 5 (very)

# Valence and arousal of the categories at full intensity, on [-1, 1]: the ordering of Russell's
# circumplex (J. Pers. Soc. Psychol. 39, 1980), with values rounded from the norms of Russell and
# Mehrabian (J. Res. Pers. 11, 1977); their arousal of sadness is lowered to that of quiet
# sadness, which is what people bring to a support dialogue.
CATEGORY_VALENCE_AROUSAL: Final = np.array(
    [[0.0, 0.0], [0.8, 0.5], [-0.65, -0.3], [-0.5, 0.6], [-0.65, 0.6], [0.4, 0.65]], dtype=np.float32
)

# What a helpful reply would sound like for each recognised category: the regulating target.
# Distress asks for calm warmth (some happiness, much neutrality, a trace of shared sadness), never
# for its mirror: anger is not answered with anger. Valence and arousal of the targets follow:
# gently positive, and calmer than the person. (Extrinsic emotion regulation: Zaki and Williams,
# Emotion 13, 2013; emotional support messages: Burleson, 2003.)
REGULATING_TARGET: Final = np.array(
    [
        # neutral happiness sadness anger fear surprise valence arousal
        [0.60, 0.40, 0.00, 0.00, 0.00, 0.00, 0.30, 0.00],  # neutral
        [0.20, 0.80, 0.00, 0.00, 0.00, 0.00, 0.60, 0.30],  # happiness
        [0.40, 0.35, 0.25, 0.00, 0.00, 0.00, 0.20, -0.20],  # sadness
        [0.70, 0.20, 0.10, 0.00, 0.00, 0.00, 0.15, -0.35],  # anger
        [0.60, 0.35, 0.05, 0.00, 0.00, 0.00, 0.30, -0.40],  # fear
        [0.50, 0.40, 0.00, 0.00, 0.00, 0.10, 0.35, 0.00],  # surprise
    ],
    dtype=np.float32,
)


def in_points(relief: Floats) -> Floats:
    """A fall of intensity in [-1, 1], in points of the survey's scale of 1 to 5: in [-4, 4], NaN where it is NaN."""
    return relief * SURVEY_POINTS


def from_points(points: Floats) -> Floats:
    """A fall of intensity in points of the survey's scale of 1 to 5, as one in [-1, 1].

    An intensity of `i` points lies `i - 1` points above none: it is `from_points(i - 1)`, in [0, 1].
    """
    return points / SURVEY_POINTS


def from_category(category: NDArray[np.integer], intensity: Floats) -> NDArray[np.float32]:
    """Affect of a category felt at an intensity.

    Args:
        category: indices into `CATEGORIES`, shape `[...]`.
        intensity: in [0, 1], broadcastable to `category`; 0 is neutral.

    Returns:
        Affect, `[..., 8]`: probability `intensity` on the category, the rest on neutral.
    """
    category, intensity = np.broadcast_arrays(category, np.asarray(intensity, dtype=np.float32))
    affect = np.zeros((*category.shape, AFFECT_DIM), dtype=np.float32)
    np.put_along_axis(affect, category[..., None], intensity[..., None], axis=-1)
    affect[..., NEUTRAL] += 1.0 - intensity
    affect[..., NEUTRAL] = np.where(category == NEUTRAL, 1.0, affect[..., NEUTRAL])
    affect[..., VALENCE:] = CATEGORY_VALENCE_AROUSAL[category] * intensity[..., None]
    return affect


def regulating_target(affect: Floats) -> NDArray[np.float32]:
    """The affect a helpful reply should carry: targets mixed by the recognised probabilities.

    Args:
        affect: the recognised state, `[..., 8]`.

    Returns:
        `[..., 8]`, the mean of the `REGULATING_TARGET` rows under the category probabilities.
    """
    # A plain sum, not a matrix product: the bits of a row must not depend on how many rows there are.
    mixed: NDArray[np.float32] = (affect[..., :NUM_CATEGORIES, None] * REGULATING_TARGET).sum(axis=-2)
    return mixed.astype(np.float32)


def cosine(a: Floats, b: Floats) -> NDArray[np.float32]:
    """Cosine of two affects along the last axis, in [-1, 1]; zero where either is zero."""
    dot = (a * b).sum(axis=-1)  # not einsum, whose bits depend on the number of rows
    norm = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    ratio: NDArray[np.float32] = np.divide(dot, norm, out=np.zeros_like(dot), where=norm > 0).astype(np.float32)
    return ratio
