"""A small encoder, small data, and the model that training makes of them: built once a session."""

from __future__ import annotations

import pytest
import torch
from small_model import CONFIG, Built, write_labelled, write_pretrained

from model.build import build
from model.classifier import Classifier
from model.pretrained import Pretrained, read_pretrained

torch.set_num_threads(1)  # matrices this small are slower on two


@pytest.fixture(scope="session")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Pretrained:
    path = tmp_path_factory.mktemp("pretrained") / "tiny-q4.bin"
    write_pretrained(path)
    return read_pretrained(path)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, pretrained: Pretrained) -> Built:
    data, folder = tmp_path_factory.mktemp("labelled"), tmp_path_factory.mktemp("build")
    write_labelled(data)
    return Built(data, folder, build(data, CONFIG, folder, pretrained=pretrained))


@pytest.fixture(scope="session")
def classifier(built: Built) -> Classifier:
    return Classifier.load(built.folder, threads=1)
