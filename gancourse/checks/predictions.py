"""Predictions: written before an experiment, compared after it, never graded."""


def compare(prediction: object, truth: float, about: str, digits: int = 2) -> None:
    """Print what was predicted beside what came out."""
    if prediction is Ellipsis:
        print(f"{about}: {truth:.{digits}f} (you made no prediction)")
        return
    try:
        off = abs(float(prediction) - truth)
    except (TypeError, ValueError):
        print(f"{about}: {truth:.{digits}f} (you predicted {prediction})")
        return
    print(f"{about}: {truth:.{digits}f}; you predicted {float(prediction):.{digits}f}, {off:.{digits}f} away")
