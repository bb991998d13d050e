"""The stream: documents from sources to topics, through intake and scorer, to the windows stage.

Import the module that you need, by its noun: importing the room itself loads nothing.
"""

__all__: list[str] = []
