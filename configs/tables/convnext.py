"""Table 1 of the ConvNeXt paper, with its published figures: data only."""

from jiqa.results.published import Paper, Row, Table, each

PAPER = Paper(
    citation="Padmaja, Al Hamed, Reddy, Reddy: Deep Learning for No-Reference Image Quality "
    "Assessment. SciTePress, 2025",
    protocol="one random 70/30 split; PLCC of the raw predictions (the paper mentions no fit)",
    arguments="protocol=random,test=0.3,splits=1",
    aggregate="mean",
    tables={
        "1": Table(
            title="Comparison of SOTA methods on KonIQ-10k.",
            columns=each("criterion", {"PLCC": "plcc", "SRCC": "srocc"}),
            rows=(
                Row("WaDIQaM (Ke et al., 2022)", "0.794 0.799", {"run": "wadiqam"}),
                Row("BIECON (Ledig et al., 2017)", "0.620 0.681", {"run": "biecon"}),
                Row("SFA (Yamashita and Markov, 2020)", "0.859 0.847", {"run": "sfa"}),
                Row("BRISQUE (Ma et al., 2019)", "0.668 0.701", {"run": "brisque"}),
                Row("BIQA (Xu et al., 2023)", "0.902 0.918"),
                Row("HOSA (Dosovitskiy et al., 2021)", "0.674 0.697", {"run": "hosa"}),
                Row("PQR (Wang et al., 2015)", "0.873 0.881", {"run": "pqr"}),
                Row("ILNIQE (Gu et al., 2021)", "0.501 0.524", {"run": "ilniqe"}),
                Row("DBCNN (Xu et al., 2021)", "0.832 0.887", {"run": "db_cnn"}),
                Row("MetaliQA (Jiang et al., 2019)", "0.847 0.888", {"run": "metaiqa"}),
                Row("ConvNeXt (Ours)", "0.920 0.940", {"run": "convnext/tiny"}),
            ),
            query={"database": "koniq10k"},
            notes=(
                "The paper counts 10,325 images; the release has 10,073.",
                'The text gives a "Mean Absolute Error loss" of 0.0066 on the test set and 0.0015 '
                "on the training set, but says that it minimised the mean squared error.",
                "The paper does not say which ConvNeXt it is: ours is the tiny one.",
                "The papers cited beside the methods are not theirs (Dosovitskiy et al. is the "
                'vision transformer, not HOSA); "MetaliQA" is MetaIQA. Of BIQA the paper names '
                "neither title nor method, so it is published figures only.",
                "MT-IRN's table 4 has other figures for BIECON (PLCC 0.651, SROCC 0.618), BRISQUE "
                "(0.692, 0.673) and DB-CNN (0.884, 0.875) on the same database.",
                "The public code of DB-CNN, PQR, MetaIQA and BIECON reports the epoch with the "
                "best SROCC on the test images; whether these figures are such is not known.",
            ),
        ),
    },
)
