"""Phenotypes: what people are like in words (age, gender, weight, ...) as shape coefficients of the body.

A phenotype is a row of numbers from 0 to 1, in the order of `PhenotypeModel.names`: gender 0 is male, 1 female; age
-1/3 is a newborn, 0 a baby, 1/3 a child, 2/3 a young adult and 1 an old one (`anchorpose` speaks of years, see
`age_of_years`); african, asian and caucasian are mixed in proportion. The mesh is multilinear in them, as in MakeHuman.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorpose.poses.errors import InputError

RACES = ("african", "asian", "caucasian")


@dataclass(frozen=True, eq=False)
class PhenotypeModel:
    """From phenotypes to shape coefficients, and how people are distributed.

    Attributes:
        names: the phenotypes, in the order of the columns of a phenotype array.
        variations: names of the extremes, race first, such as "male", "female", "newborn", ..., "maxweight".
        variation_counts: number of extremes of race and of each phenotype in `names` up to the races.
        mask: (K, len(variations)) bool; target k is the product of the weights of these extremes.
        projection: (K, B) and offset: (B,): shape = weights @ projection - offset.
        years, year_ages: knots of the map from years to `age`.
        beta_ages: (T,) knots over `age`; betas: (2, 4, T, 2) the two parameters of the beta distributions of height,
            weight, muscle and proportions of males and females of that age (from WHO growth data, by way of Anny).
    """

    names: tuple[str, ...]
    variations: tuple[str, ...]
    variation_counts: tuple[int, ...]
    mask: NDArray[np.bool_]
    projection: NDArray[np.float32]
    offset: NDArray[np.float32]
    years: NDArray[np.float64]
    year_ages: NDArray[np.float64]
    beta_ages: NDArray[np.float64]
    betas: NDArray[np.float64]

    def age_of_years(self, years: ArrayLike) -> NDArray[np.float64]:
        """The phenotype `age` of people of so many years, held at the ends of the range."""
        return np.interp(np.asarray(years, np.float64), self.years, self.year_ages)


CONDITIONED = ("height", "weight", "muscle", "proportions")
"""The phenotypes whose distribution depends on age and gender, in the order of `PhenotypeModel.betas`."""


def phenotype_shapes(model: PhenotypeModel, phenotypes: ArrayLike) -> NDArray[np.float32]:
    """Shape coefficients (N, B) of phenotypes (N, P)."""
    rows = np.asarray(phenotypes, np.float64)
    if rows.ndim != 2 or rows.shape[1] != len(model.names):
        raise InputError(f"phenotypes must be (N, {len(model.names)}): {', '.join(model.names)}; got {rows.shape}")
    if not np.isfinite(rows).all():
        raise InputError("phenotypes must be finite numbers")
    weights = _variation_weights(model, rows)
    products = np.empty((len(rows), len(model.mask)))
    for row, chances in zip(products, weights, strict=True):
        np.where(model.mask, chances, 1.0).prod(1, out=row)
    return (products @ model.projection - model.offset).astype(np.float32)


@lru_cache(maxsize=8)
def _hats(model: PhenotypeModel) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Of each extreme but the races: the column of its phenotype, where its knot lies, and the distance of knots."""
    column, knot, width = [], [], []
    for name, count in zip(model.names, model.variation_counts[1:], strict=False):
        knots = np.linspace(-1 / 3 if name == "age" else 0.0, 1.0, count)
        column += [model.names.index(name)] * count
        knot += knots.tolist()
        width += [knots[1] - knots[0]] * count
    return np.array(column), np.array(knot), np.array(width)


def _variation_weights(model: PhenotypeModel, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, all variations) how much of each extreme there is: hat functions between the extremes of a phenotype."""
    races = rows[:, [model.names.index(name) for name in RACES]]
    total = races.sum(1, keepdims=True)
    shares = np.where(total > 0, races / np.where(total > 0, total, 1), 1 / 3)
    column, knot, width = _hats(model)
    lowest = np.where(column == model.names.index("age"), -1 / 3, 0.0)
    value = np.minimum(np.maximum(rows[:, column], lowest), 1.0)
    return np.concatenate([shares, np.maximum(1 - np.abs(value - knot) / width, 0)], axis=1)


def sample_years(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Ages in years of people as they are met in pictures: 76 % adults, 12 % elderly, 12 % children from 2 years."""
    group = rng.random(n)
    age = rng.random(n)
    years = 18 + 47 * age
    years = np.where(group < 0.24, 65 + 23 * age, years)
    return np.where(group < 0.12, 2 + 16 * age, years)


def sample_phenotypes(
    model: PhenotypeModel, rng: np.random.Generator, n: int, years: ArrayLike | None = None
) -> NDArray[np.float64]:
    """N random phenotypes (N, P) of plausible people; `years` (N,) sets their ages.

    Nine in ten are plainly male or female, the rest anywhere between. Height, weight, muscle and proportions follow
    their distributions at that age and gender, those of weight and muscle widened to show all builds.
    """
    ages = model.age_of_years(sample_years(rng, n) if years is None else np.broadcast_to(years, (n,)))
    female = rng.random(n) < 0.5
    gender = np.where(rng.random(n) < 0.9, np.abs(female - 0.08 * rng.random(n)), rng.random(n))
    out = np.empty((n, len(model.names)))
    for i, name in enumerate(model.names):
        if name == "age":
            out[:, i] = ages
        elif name == "gender":
            out[:, i] = gender
        elif name in CONDITIONED:
            out[:, i] = _conditioned(model, rng, CONDITIONED.index(name), ages, gender > 0.5)
        elif name in RACES:
            out[:, i] = rng.gamma(0.5, size=n)
        else:
            out[:, i] = rng.beta(2.0, 2.0, size=n)
    races = [model.names.index(name) for name in RACES]
    out[:, races] /= np.maximum(out[:, races].sum(1, keepdims=True), 1e-9)
    return out


def _conditioned(
    model: PhenotypeModel, rng: np.random.Generator, which: int, ages: NDArray[np.float64], female: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(N,) draws from the beta distribution of one phenotype at each age and gender."""
    a, b = (
        np.where(female, *(np.interp(ages, model.beta_ages, model.betas[sex, which, :, k]) for sex in (1, 0)))
        for k in (0, 1)
    )
    drawn = rng.beta(a, b)
    if CONDITIONED[which] in ("weight", "muscle"):  # a quarter from the whole range: thin and heavy people, athletes
        drawn = np.where(rng.random(len(ages)) < 0.25, rng.beta(1.2, 1.2, size=len(ages)), drawn)
    return drawn
