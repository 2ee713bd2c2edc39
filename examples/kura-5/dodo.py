from pipeline.tasks import *  # noqa: F403 - the tasks are the product; a workspace adds nothing to them
