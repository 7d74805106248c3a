"""Recipes bind nets, data, objective and numbers; `gancourse train NAME` and the lessons run the same ones."""

from gancourse.recipes.base import BUDGETS, MODULES, Players, Recipe, recipe_class

__all__ = ["BUDGETS", "MODULES", "Players", "Recipe", "recipe_class"]
