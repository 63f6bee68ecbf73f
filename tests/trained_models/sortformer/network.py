"""The network: NeMo's class with the published configuration made small."""

from nemo.collections.asr.models import SortformerEncLabelModel
from omegaconf import OmegaConf

WIDTH, TRANSFORMER_WIDTH = 96, 64
LAYERS, TRANSFORMER_LAYERS, HEADS = 5, 3, 4
MELS = 80

CONFIG = {
    "sample_rate": 16000,
    "pil_weight": 0.5,
    "ats_weight": 0.5,
    "max_num_of_spks": 4,
    "streaming_mode": True,
    "model_defaults": {"fc_d_model": WIDTH, "tf_d_model": TRANSFORMER_WIDTH},
    "train_ds": None,
    "validation_ds": None,
    "test_ds": None,
    "preprocessor": {
        "_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor",
        "normalize": "NA",
        "window_size": 0.025,
        "sample_rate": 16000,
        "window_stride": 0.01,
        "window": "hann",
        "features": MELS,
        "n_fft": 512,
        "frame_splicing": 1,
        "dither": 0.00001,
    },
    "sortformer_modules": {
        "_target_": "nemo.collections.asr.modules.sortformer_modules.SortformerModules",
        "num_spks": 4,
        "dropout_rate": 0.1,
        "fc_d_model": WIDTH,
        "tf_d_model": TRANSFORMER_WIDTH,
        "spkcache_len": 188,
        "fifo_len": 124,
        "chunk_len": 124,
        "spkcache_update_period": 124,
        "chunk_left_context": 1,
        "chunk_right_context": 1,
        "spkcache_sil_frames_per_spk": 3,
        "scores_add_rnd": 0,
        "pred_score_threshold": 0.25,
        "max_index": 99999,
        "scores_boost_latest": 0.05,
        "sil_threshold": 0.2,
        "strong_boost_rate": 0.75,
        "weak_boost_rate": 1.5,
        "min_pos_scores_rate": 0.5,
        "causal_attn_rate": 0.5,
        "causal_attn_rc": 7,
    },
    "encoder": {
        "_target_": "nemo.collections.asr.modules.ConformerEncoder",
        "feat_in": MELS,
        "feat_out": -1,
        "n_layers": LAYERS,
        "d_model": WIDTH,
        "subsampling": "dw_striding",
        "subsampling_factor": 8,
        "subsampling_conv_channels": 32,
        "causal_downsampling": False,
        "ff_expansion_factor": 4,
        "self_attention_model": "rel_pos",
        "n_heads": HEADS,
        "att_context_size": [-1, -1],
        "att_context_style": "regular",
        "xscaling": True,
        "untie_biases": True,
        "pos_emb_max_len": 5000,
        "conv_kernel_size": 9,
        "conv_norm_type": "layer_norm",
        "conv_context_size": None,
        "dropout": 0.05,
        "dropout_pre_encoder": 0.05,
        "dropout_emb": 0.0,
        "dropout_att": 0.05,
        "stochastic_depth_drop_prob": 0.0,
    },
    "transformer_encoder": {
        "_target_": "nemo.collections.asr.modules.transformer.transformer_encoders.TransformerEncoder",
        "num_layers": TRANSFORMER_LAYERS,
        "hidden_size": TRANSFORMER_WIDTH,
        "inner_size": 256,
        "num_attention_heads": HEADS,
        "attn_score_dropout": 0.05,
        "attn_layer_dropout": 0.05,
        "ffn_dropout": 0.05,
        "hidden_act": "relu",
        "pre_ln": True,
        "pre_ln_final_layer_norm": True,
    },
    "loss": {"_target_": "nemo.collections.asr.losses.bce_loss.BCELoss", "weight": None, "reduction": "mean"},
    "optim": None,
}


def fresh() -> SortformerEncLabelModel:
    """Return the network before any training."""
    return SortformerEncLabelModel(cfg=OmegaConf.create(CONFIG))
