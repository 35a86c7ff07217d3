"""What emotions do to voice, face and body, and how often people mistake them: the tables of the synthetic bank.

Directions and rough sizes are from the literature named at each table; the numbers are ours. The
ambiguity of each modality is what sets how hard it is to recognise. It is chosen so that the
embedded recognizer lands near people's own rates on RAVDESS (voice 67 %, face 75 %, both 80 % of
eight emotions; Livingstone and Russo, PLOS ONE 13, 2018) and, for physiology, near machines' (a
little above chance, arousal more than valence: Koelstra et al., DEAP, IEEE Trans. Affect. Comput.
3, 2012).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from rlgen.perception.face import ACTION_UNITS
from rlgen.types import F32

LICENCE: Final = (
    "CREMA-D (Cao et al. 2014), human votes, as rounded shares in the confusions of the synthetic actors: "
    "ODbL 1.0, contents DbCL 1.0"
)

# Change from neutral at full intensity: pitch mean (semitones), pitch range (semitones of an accent),
# log speech rate, level (dB), high-frequency tilt (dB at 4 kHz), breathiness, jitter, final rise (semitones).
# Directions: Juslin and Laukka, Psychol. Bull. 129, 2003, table 7; Scherer, Speech Commun. 40, 2003.
PROSODY: Final = np.array(
    [
        [0.0, 0.0, 0.00, 0.0, 0.0, 0.00, 0.000, 0.0],  # neutral
        [5.0, 3.0, 0.13, 5.0, 4.0, 0.00, 0.000, 1.5],  # happiness
        [-2.5, -1.2, -0.30, -6.0, -5.0, 0.14, 0.005, -2.0],  # sadness
        [3.0, 2.0, 0.18, 9.0, 9.0, -0.03, 0.012, -2.5],  # anger
        [6.5, -1.0, 0.28, -1.0, 1.0, 0.13, 0.018, 0.0],  # fear
        [7.0, 4.0, 0.00, 3.0, 2.0, 0.04, 0.000, 6.5],  # surprise
    ],
    dtype=np.float32,
)

# Action units at full intensity on OpenFace's scale: Ekman and Friesen's prototypes (EMFACS, 1983) as
# observed by Cordaro et al. (Emotion 18, 2018): the strongest units only.
_FACES: Final[tuple[dict[str, float], ...]] = (
    {},
    {"AU06": 2.2, "AU12": 3.0, "AU25": 1.2, "AU07": 0.6, "AU10": 0.6, "AU14": 0.6},
    {"AU01": 1.8, "AU04": 1.5, "AU15": 2.0, "AU17": 1.6},
    {"AU04": 2.6, "AU05": 1.0, "AU07": 1.8, "AU23": 1.6, "AU09": 0.8, "AU10": 0.8},
    {"AU01": 2.0, "AU02": 1.2, "AU04": 1.6, "AU05": 2.0, "AU20": 1.8, "AU25": 0.8, "AU07": 0.8},
    {"AU01": 2.2, "AU02": 2.4, "AU05": 1.8, "AU26": 2.0, "AU25": 1.2},
)
FACES: Final[F32] = np.array([[row.get(unit, 0.0) for unit in ACTION_UNITS] for row in _FACES], dtype=np.float32)

# What people take an expression for when they mistake it, by modality: intended category in rows,
# perceived in columns (neutral, happiness, sadness, anger, fear, surprise). Rows of happiness, sadness,
# anger and fear and their columns other than surprise: rounded shares of the wrong votes in CREMA-D
# (Cao et al., IEEE Trans. Affect. Comput. 5, 2014; data ODbL 1.0, contents DbCL 1.0), disgust left out.
# CREMA-D has no surprise: its row and column follow the usual confusion with fear and happiness.
CONFUSIONS: Final[dict[str, F32]] = {
    "speech": np.array(
        [
            [0.00, 0.15, 0.30, 0.25, 0.20, 0.10],
            [0.58, 0.00, 0.05, 0.12, 0.12, 0.13],
            [0.72, 0.03, 0.00, 0.04, 0.18, 0.03],
            [0.62, 0.08, 0.05, 0.00, 0.17, 0.08],
            [0.50, 0.06, 0.22, 0.10, 0.00, 0.12],
            [0.30, 0.30, 0.02, 0.08, 0.30, 0.00],
        ],
        dtype=np.float32,
    ),
    "face": np.array(
        [
            [0.00, 0.20, 0.35, 0.20, 0.18, 0.07],
            [0.65, 0.00, 0.05, 0.08, 0.07, 0.15],
            [0.66, 0.03, 0.00, 0.07, 0.20, 0.04],
            [0.52, 0.11, 0.10, 0.00, 0.18, 0.09],
            [0.33, 0.04, 0.22, 0.16, 0.00, 0.25],
            [0.20, 0.30, 0.02, 0.05, 0.43, 0.00],
        ],
        dtype=np.float32,
    ),
}

# Share of performances that drift towards a confusion, by modality, and how far (Beta parameters).
AMBIGUOUS: Final[dict[str, float]] = {"speech": 0.20, "face": 0.40}
DRIFT: Final = (3.0, 1.5)

# Change of heart rate (1/min), log heart-rate variability and skin conductance responses a minute with
# one unit of arousal, and of heart rate with one unit of valence (Kreibig, Biol. Psychol. 84, 2010:
# arousal in most systems, specific patterns weak), then the same for the scatter between turns.
HEART_AROUSAL, HEART_VALENCE, VARIABILITY_AROUSAL, RESPONSES_AROUSAL = 9.0, 2.0, -0.40, 3.5
HEART_SCATTER, VARIABILITY_SCATTER, RESPONSES_SCATTER = 4.0, 0.25, 1.5
