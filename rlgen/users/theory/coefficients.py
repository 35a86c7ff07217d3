"""Every number of the theory family, each with its meaning. Symbols are those of `docs/users/theory.md`.

W, D, M, C, X are the reading of a reply (warmth, directiveness, intensity, incoherence, misfit); I, T, u, a,
h, o, p the person (intensity, trust, understood, arousal, habituation, over-validation, reactance).
"""

from __future__ import annotations

from pydantic import Field

from rlgen.users.settings import Number, Positive, Settings, Share, Size

Triple = tuple[Number, Number, Number]
"""One number for sad, fearful and angry people, in this order."""


class Affine(Settings):
    """`offset + gain * reading`: a reader's units to the model's."""

    gain: Number = Field(default=1.0, description="factor on the reader's value")
    offset: Number = Field(default=0.0, description="added after the factor")


class Readings(Settings):
    """How readers' values become W, D, M, C, X and repetition; clipped to the model's ranges after.

    The defaults stretch what the shipped readers make of the shipped generator's replies over the model's ranges:
    from the lowest to the highest tenth of the range of their control, mean warmth goes from -.10 to .83, directiveness
    from -.54 to .58, intensity from .41 to .67; along the temperature repetition falls from .26 to .04 and fluency from
    .91 to .79 (`rlgen fit surface --turns 60000 --num-envs 120`).
    """

    warmth: Affine = Field(default=Affine(gain=1.5, offset=-0.55), description="to W in [-1, 1]")
    directiveness: Affine = Field(default=Affine(gain=1.5), description="to D in [-1, 1]")
    intensity: Affine = Field(default=Affine(gain=2.2, offset=-0.7), description="to M in [0, 1]")
    incoherence: Affine = Field(default=Affine(gain=5.0, offset=-0.4), description="of 1 - fluency, to C")
    repetition: Affine = Field(default=Affine(gain=5.0), description="to repetition in [0, 1]")
    misfit: Affine = Field(default=Affine(gain=3.0, offset=-2.0), description="of 1 - relevance, to X in [0, 1]")


class Pacing(Settings):
    """The wanted intensity M* = base + by_arousal a - by_trust T, and the match m = exp(-(M - M*)^2 / width)."""

    base: Number = Field(
        default=0.5, description="wanted intensity at rest without trust; all of M* when pacing is off"
    )
    by_arousal: Number = Field(default=0.7, description="meet the arousal first")
    by_trust: Number = Field(default=0.3, description="lead it down as trust grows")
    width: Positive = Field(default=0.05, description="tolerance of the match")


class Reactance(Settings):
    """Threat k = (D - tolerance)+, tolerance = base + by_trust T - by_reactance p + feeling; guidance below."""

    base: Number = Field(default=-0.2, description="tolerated directiveness of a person without trust")
    by_trust: Number = Field(default=1.2, description="trust raises the tolerance")
    by_reactance: Number = Field(default=0.6, description="a reactant person tolerates less")
    by_feeling: Triple = Field(default=(0.0, 0.6, -0.6), description="fear seeks direction, anger refuses it")
    understood_from: Number = Field(default=0.4, description="guidance relieves only above this understanding")
    guidance_without: Number = Field(default=0.2, description="stands for u - understood_from when reactance is off")
    trust_without: Number = Field(default=0.5, description="stands for T in guidance when reactance is off")


class Sincerity(Settings):
    """Insincerity s = (W - carried)+, carried = base + by_trust T + feeling."""

    base: Number = Field(default=0.1, description="warmth that a stranger may show")
    by_trust: Number = Field(default=0.9, description="trust carries more")
    by_feeling: Triple = Field(default=(0.5, 0.0, -0.6), description="sadness welcomes warmth, anger suspects it")


class Habituation(Settings):
    """h <- keep h + gain R (1 - steadying a+)+: whoever is aroused takes a repetition as something to hold on to."""

    keep: Share = Field(default=0.6, description="what stays from turn to turn")
    gain: Size = Field(default=0.4, description="what a full repetition adds")
    steadying: Size = Field(default=2.0, description="nothing wears off from the arousal of 1 / steadying on")


class OverValidation(Settings):
    """o <- keep o + gain W+ (1 - D+); W' = W+ (1 - discount o); it raises intensity by `staying` o u."""

    keep: Share = Field(default=0.75, description="what stays from turn to turn")
    gain: Size = Field(default=0.25, description="what fully warm, undirected validation adds")
    discount: Share = Field(default=0.8, description="how far o devalues further warmth")
    staying: Size = Field(default=0.06, description="intensity kept up per turn by o in an understood person")


class Understanding(Settings):
    """du = pace (1 - u)(1 - C (c0 + c1 a+))(1 - by_habituation h)(1 - unanswered X)(by_match m + ...) - ..."""

    by_match: Size = Field(default=0.3, description="of the pacing match")
    by_warmth: Size = Field(default=0.1, description="of effective warmth")
    by_threat: Size = Field(default=0.1, description="lost to threat")
    by_habituation: Share = Field(default=0.8, description="share lost to habituation")
    unanswered: Share = Field(default=0.6, description="share lost to a reply that does not answer")
    by_misfit: Size = Field(default=0.05, description="share of u that such a reply takes away")
    incoherence: Share = Field(default=0.15, description="c0: share lost to incoherence at rest")
    incoherence_aroused: Size = Field(default=2.0, description="c1: more of it with arousal")


class Trust(Settings):
    """dT = by_warmth (1 - C)(1 - X) W' (1 - h) + by_match m - by_threat (p0 + p) k - ... + drift."""

    by_warmth: Size = Field(default=0.17, description="of effective, coherent, fresh warmth")
    by_match: Size = Field(default=0.14, description="of the pacing match")
    by_threat: Size = Field(default=0.18, description="lost to threat, times (threat_base + p)")
    threat_base: Number = Field(default=0.4, description="p0: what a person without reactance loses")
    by_insincerity: Size = Field(default=0.4, description="lost to insincerity")
    by_habituation: Size = Field(default=0.2, description="lost to habituation, times (understood_base + u)")
    understood_base: Number = Field(default=0.3, description="habituation hurts more once understood: (.3 + u)")
    by_incoherence: Size = Field(
        default=0.015, description="lost to incoherence, times 1 + incoherence_aroused a+ (1 - u)"
    )
    incoherence_aroused: Size = Field(
        default=20.0, description="incoherence frightens who is aroused and not understood"
    )
    by_misfit: Size = Field(default=0.05, description="lost to a reply that does not answer what was said")
    by_steadiness: Size = Field(default=0.7, description="gained by repetition, times a+ (1 - u)")
    drift: Number = Field(default=0.01, description="gained per turn whatever is said")


class Relief(Settings):
    """dI = -by_guidance (u - .4) D+ T (1 - X)(1 - a1 a+)(1 - c1 C)(1 - h1 h) - by_warmth u T W' (1 - C) + ..."""

    by_guidance: Size = Field(default=0.8, description="relief by guidance of an understood, trusting person")
    aroused: Share = Field(default=0.6, description="a1: share of guidance lost to arousal")
    incoherent: Share = Field(default=0.1, description="c1: share of guidance lost to incoherence")
    habituated: Share = Field(default=0.9, description="h1: share of guidance lost to habituation")
    by_warmth: Size = Field(default=0.04, description="relief by warmth, times u T")
    by_threat: Size = Field(default=0.04, description="intensity raised by threat")
    by_incoherence: Size = Field(default=0.005, description="intensity raised by incoherence")


class Arousal(Settings):
    """a <- a + settle (a_feeling I - a) + follow m (2 M - 1 - a)+- + by_threat k + noise, in [-1, 1]."""

    by_feeling: Triple = Field(default=(-0.35, 0.75, 0.7), description="arousal of the feeling at full intensity")
    settle: Share = Field(default=0.25, description="how fast arousal returns to that of the feeling")
    follow: Share = Field(default=0.1, description="how far a matched voice draws arousal to its own")
    by_threat: Size = Field(default=0.1, description="arousal raised by threat")
    spread: Size = Field(default=0.25, description="standard deviation between people")
    noise: Size = Field(default=0.1, description="standard deviation from turn to turn")


class Ending(Settings):
    """P(abandon) = sigmoid(abandon + ...), P(complete) = sigmoid(complete + ...) given that one stays."""

    abandon: Number = Field(default=-5.0, description="intercept of abandoning")
    distrust: Size = Field(default=5.0, description="times (distrust_below - T)+")
    distrust_below: Number = Field(default=0.45, description="trust under which people think of leaving")
    by_threat: Size = Field(default=0.6, description="times k")
    by_habituation: Size = Field(default=1.5, description="times h")
    held_by_relief: Size = Field(default=4.0, description="times relief, lowers it: who is helped does not walk out")
    abandon_by_turn: Number = Field(default=0.06, description="per turn")
    complete: Number = Field(default=-5.0, description="intercept of completing")
    by_relief: Size = Field(default=7.0, description="times relief")
    complete_by_turn: Number = Field(default=0.12, description="per turn")
    complete_from: int = Field(default=4, ge=0, description="no one completes before this turn")


class Rating(Settings):
    """Latent rating = mean + rater + by_trust (T - .5) + by_understood (u - .5) + ... + noise, rounded to 1-5."""

    mean: Number = Field(default=3.7, description="latent mean at T = u = .5")
    by_trust: Size = Field(default=1.6, description="per unit of trust")
    by_understood: Size = Field(default=0.8, description="per unit of understanding")
    by_relief: Size = Field(default=1.0, description="per unit of relief")
    by_threat: Size = Field(default=0.6, description="lost per unit of threat")
    rater_spread: Size = Field(default=0.7, description="standard deviation of personal offsets")
    noise: Size = Field(default=0.5, description="standard deviation from rating to rating")
    constant_share: Share = Field(default=0.28, description="share of people who always give their own constant")
    long_gap: Share = Field(
        default=0.5, description="probability that the next rating comes after three turns, not two"
    )


class Engagement(Settings):
    """engagement = base + by_trust T + by_understood u - by_habituation h - by_threat k + noise, in [0, 1]."""

    base: Number = Field(default=0.2, description="of an indifferent stranger")
    by_trust: Size = Field(default=0.5, description="per unit of trust")
    by_understood: Size = Field(default=0.3, description="per unit of understanding")
    by_habituation: Size = Field(default=0.5, description="lost per unit of habituation")
    by_threat: Size = Field(default=0.3, description="lost per unit of threat")
    noise: Size = Field(default=0.08, description="standard deviation from turn to turn")


class People(Settings):
    """Whom the population consists of."""

    feelings: tuple[Size, Size, Size] = Field(
        default=(0.4, 0.35, 0.25), description="weights of sadness, fear and anger"
    )
    intensity: Number = Field(default=0.7, description="mean initial intensity")
    intensity_spread: Size = Field(default=0.12, description="its standard deviation")
    trust: Number = Field(default=0.55, description="mean initial trust")
    trust_spread: Size = Field(default=0.12, description="its standard deviation")
    understood: Share = Field(default=0.1, description="initial understanding of most people")
    understood_share: Share = Field(default=0.35, description="share of people who start well understood")
    understood_start: Share = Field(default=0.55, description="initial understanding of those")
    reactance: Number = Field(default=0.5, description="mean reactance p")
    reactance_spread: Size = Field(default=0.22, description="its standard deviation")
    pace_spread: Size = Field(default=0.5, description="log standard deviation of the pace of understanding")
    stays: bool = Field(
        default=False, description="never ends a dialogue and is always engaged (to test reward designs)"
    )


class Showing(Settings):
    """How hidden state shows in the choice of words and signals."""

    masked: Share = Field(
        default=1.0, description="probability that a guarded turn's words sound neutral whatever the voice; plain: half"
    )
    mixed: Share = Field(
        default=0.2, description="probability that another distressed feeling shows instead of the main one"
    )
    calm_below: Number = Field(default=0.45, description="intensity at which half of the turns sound neutral or happy")
    calm_width: Positive = Field(default=0.09, description="width of that transition")
    happy_by_relief: Size = Field(default=1.5, description="share of happy among calm turns per unit of relief")
    noise: Size = Field(default=0.08, description="standard deviation of shown intensity and arousal")
    plain_from: Number = Field(default=0.35, description="trust from which people speak plainly")
    open_from: Number = Field(default=0.7, description="trust from which people open up")
    disclosure_noise: Size = Field(default=0.08, description="standard deviation of trust as it shows in disclosure")
    working_from: Number = Field(default=0.4, description="understanding from which a dialogue is in its working phase")


class TheoryCoefficients(Settings):
    """All coefficients of the theory family, by the equation in which they stand."""

    readings: Readings = Readings()
    pacing: Pacing = Pacing()
    reactance: Reactance = Reactance()
    sincerity: Sincerity = Sincerity()
    habituation: Habituation = Habituation()
    over_validation: OverValidation = OverValidation()
    understanding: Understanding = Understanding()
    trust: Trust = Trust()
    relief: Relief = Relief()
    arousal: Arousal = Arousal()
    ending: Ending = Ending()
    rating: Rating = Rating()
    engagement: Engagement = Engagement()
    people: People = People()
    showing: Showing = Showing()
