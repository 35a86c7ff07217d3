"""A bank of what real people said, from recorded dialogues of a researcher's own; nothing of them is shipped.

What the project's own bank states by construction is read here: category and intensity by the people's reader,
the phase from where in its dialogue a turn stands, disclosure from how much is said, as amount of self-disclosure
goes with the number of words (Barak and Gluck-Ofri, CyberPsychol. Behav. 10, 2007). Turns of one topic come from
many people, so a simulated dialogue is made of true sentences and is no true story.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from rlgen.affect import NUM_CATEGORIES, VALENCE
from rlgen.errors import DataError
from rlgen.text.plain import count_words
from rlgen.text.reading.reader import Progress, Reader
from rlgen.text.utterances import CLOSING, EXPLORING, OPENING, WORKING
from rlgen.types import MAX_TURNS, UtteranceCatalogue
from rlgen.users.logs.dialogues import Dialogue

SHORTEST, LONGEST = 3, 60  # words of a turn
UNNAMED: Final = "unnamed"  # the topic of dialogues that name none


def real_utterances(
    dialogues: Sequence[Dialogue], reader: Reader, progress: Progress | None = None
) -> UtteranceCatalogue:
    """The bank; a turn that several people wrote alike comes once.

    A topic needs more turns than a dialogue has, or it is left out. The first turn of a dialogue opens, the last
    takes leave, of those between the first half explores and the rest works. By the number of words, the shortest
    third is guarded, the longest open.

    Args:
        dialogues: as read (`rlgen.users.logs.dialogues.read`).
        reader: reads category and intensity, all texts in one go; its table is kept in the cache folder.
        progress: see `Reader.read_catalogue`.

    Raises:
        DataError: no topic has enough turns.
    """
    found: dict[str, tuple[str, int]] = {}
    for dialogue in dialogues:
        turns = [text for supporter, text in dialogue.spoken() if not supporter]
        for i, text in enumerate(turns):
            if SHORTEST <= count_words(text) <= LONGEST:
                found.setdefault(text, (dialogue.topic or UNNAMED, _phase(i, len(turns))))
    counts = Counter(topic for topic, _ in found.values())
    topics = tuple(sorted(topic for topic, count in counts.items() if count > MAX_TURNS))
    if not topics:
        raise DataError(
            f"a bank of real turns: of the {len(dialogues)} dialogues, no topic has more than {MAX_TURNS} different "
            f"turns of {SHORTEST} to {LONGEST} words; give more dialogues"
        )
    texts = [text for text, (topic, _) in found.items() if topic in topics]
    reading, _ = reader.read_catalogue(texts, progress)
    words = np.array([count_words(text) for text in texts])
    return UtteranceCatalogue(
        text=texts,
        topic=np.array([topics.index(found[text][0]) for text in texts], dtype=np.int64),
        topics=topics,
        category=reading.affect[:, :NUM_CATEGORIES].argmax(axis=1).astype(np.int64),
        intensity=reading.intensity,
        phase=np.array([found[text][1] for text in texts], dtype=np.int64),
        disclosure=np.digitize(words, np.quantile(words, [1 / 3, 2 / 3])).astype(np.int64),
        valence=reading.affect[:, VALENCE],
    )


def _phase(index: int, turns: int) -> int:
    if index == 0:
        return OPENING
    if index == turns - 1:
        return CLOSING
    return EXPLORING if index <= (turns - 2) / 2 else WORKING
