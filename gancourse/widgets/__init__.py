"""Things to move, with a picture for pages that cannot run."""

from gancourse.widgets.fade import fade_explorer
from gancourse.widgets.latent import latent_explorer
from gancourse.widgets.monitor import TrainingMonitor, monitor_run
from gancourse.widgets.theatre import theatre
from gancourse.widgets.translation import round_trip

__all__ = ["TrainingMonitor", "fade_explorer", "latent_explorer", "monitor_run", "round_trip", "theatre"]
