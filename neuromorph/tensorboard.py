"""Numbers of each epoch for TensorBoard, an extra: pip install 'shno-neuromorph[tensorboard]'."""

from importlib.util import find_spec


def writer(folder):
    """A Log into a folder, made when the first epoch is logged; ValueError where the extra is missing."""
    if find_spec("tensorboard") is None:
        raise ValueError("--tensorboard needs the extra tensorboard: pip install 'shno-neuromorph[tensorboard]'.")
    return Log(folder)


class Log:
    """Every number of an epoch's record, as model/name against the epoch."""

    def __init__(self, folder):
        """Nothing is written yet."""
        self.folder, self.events = folder, None

    def epoch(self, model, record):
        """Add the record of an epoch, on disk when this returns."""
        from torch.utils.tensorboard import SummaryWriter

        self.events = self.events or SummaryWriter(self.folder)
        for name, value in record.items():
            if isinstance(value, int | float) and name != "epoch":
                self.events.add_scalar(f"{model}/{name}", value, record["epoch"])
        self.events.flush()

    def close(self):
        """Done."""
        if self.events is not None:
            self.events.close()
