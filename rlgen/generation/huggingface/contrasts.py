"""Pairs of texts that differ in one quality, for fitting steering directions. The project's own writing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CONTRASTS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "warmth": (
        ("I am so glad you told me. You matter, and I am right here with you.", "Noted. Your message was received."),
        ("Oh, that must have been a long day. Come, take a breath with me.", "The day had the usual length. Proceed."),
        (
            "What a tender thing to say. Thank you for trusting me with it.",
            "That is a statement. It has been recorded.",
        ),
        ("I care about how this goes for you, whatever comes of it.", "The outcome is of no concern to me."),
        ("Take all the time you need, I am happy to stay and listen.", "State the matter briefly, time is limited."),
    ),
    "directiveness": (
        (
            "Write down the three bills now and call the first number today.",
            "What would feel right to you, if anything?",
        ),
        ("Go to bed at ten tonight and put the phone in another room.", "It sounds as if sleep has been hard to find."),
        (
            "Tell your sister tomorrow: I need one evening for myself.",
            "I wonder what you would wish for with your sister.",
        ),
        (
            "First ask for the date, then book the room, then rest.",
            "There is no hurry; we can stay with this for a while.",
        ),
        (
            "You should speak to your manager this week. Begin like this.",
            "Only you can know what to do about your work.",
        ),
    ),
    "happiness": (
        ("What wonderful news, I could dance with you for joy!", "The news arrived in the morning."),
        ("You did it, and it is a delight to see you smile.", "You did it, and then it was four o'clock."),
        ("This is such a bright and happy day for you.", "This is a day in the middle of the week."),
        ("I am thrilled for you, enjoy every minute of it!", "The meeting lasted some minutes."),
    ),
    "sadness": (
        ("It hurts so much to lose him, and the house is empty now.", "He lives in the house beside the station."),
        ("Your heart is heavy, and tears come without a warning.", "Your bag is on the chair in the hall."),
        ("How lonely and sorrowful these evenings must be.", "The evenings begin at about six."),
        ("We mourn what will not come back.", "We list what is on the table."),
    ),
    "anger": (
        ("How dare they treat you like that, it is outrageous!", "They wrote to you on Monday about the plan."),
        ("You are furious, and rightly so: they lied to your face.", "You are at the desk, and they are in the yard."),
        ("This injustice makes my blood boil.", "This kettle makes the water boil."),
        ("Enough! Nobody may speak to you in this way.", "Fine. Nobody has spoken about the date."),
    ),
    "fear": (
        ("Your hands shake and you dread what the letter may say.", "Your hands rest and the letter is on the shelf."),
        ("It is terrifying not to know whether you are safe.", "It is common not to know the exact time."),
        ("The panic rises, and every sound is a threat.", "The road rises, and there is a bench at the top."),
        ("You are afraid that it will all fall apart.", "You are aware that it will all be sent by post."),
    ),
    "surprise": (
        ("Wow, nobody could have seen that coming!", "As usual, the bus came at eight."),
        ("I am astonished, that turns everything upside down!", "I am informed, that is in the usual order."),
        ("Suddenly there she was, after all those years!", "She comes every week on the same day."),
        ("What? You are the one they chose, out of the blue!", "You are on the list, as was planned."),
    ),
}
