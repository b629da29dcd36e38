"""The configuration of `nmt demo`: small enough for two minutes, large enough to learn its corpus."""

from nmt.config import Config, from_dict

CONFIG: Config = from_dict(
    {
        "text": {"joint": False},
        "model": {
            "units": 128,
            "embedding": 128,
            "attention_units": 128,
            "dropout": 0.1,
            "embedding_dropout": 0.1,
            "context_dropout": 0.1,
            "output_dropout": 0.1,
        },
        "training": {
            "epochs": 4,
            "batch_size": 64,
            "learning_rate": 0.003,
            "schedule": "inverse_root",
            "label_smoothing": 0.0,
        },
    }
)
