"""Tables I and II of the survey, with their published figures: data only."""

from jiqa.results.published import Column, Paper, Row, Table, each, measured, rows

_BIECON = (
    "its authors' public code (jongyookim/IQA_BIECON_release) reports the epoch with the best "
    "SROCC on the test images"
)
_NUMBERS = "The numbers in brackets are not those of the paper's references."

PAPER = Paper(
    citation="Survey of convolutional networks for no-reference image quality assessment: image "
    "segmentation, pre-training migration, unsupervised sequence learning (the copy that the "
    "tables were taken from names neither title nor authors)",
    protocol="collected from other papers, the split not stated: ours is random 80/20, 10 splits, "
    "median; PLCC of the raw predictions (equation 2)",
    arguments="protocol=random,test=0.2,splits=10",
    aggregate="median",
    tables={
        "I": Table(
            title="TRAIN - TEST ON THE LIVE OR TID2008 DATASET",
            columns=measured({"LIVE": "live", "TID2008": "tid2008"}, "SROCC", "PLCC"),
            rows=(
                Row("CNN[1]", "0.956 0.953 0.920 0.903", {"run": "iqa_cnn"}),
                Row("DVRM-S [7]", "0.937 0.942 0.916 0.904"),
                Row(
                    "BIECON[4]",
                    "0.961 0.962 0.923 -",
                    {"run": "biecon"},
                    selected_on_test=_BIECON,
                ),
                Row("ALE-F[15]", "0.947 0.952 - -"),
                Row("DEEPBIQ[2]", "0.98 0.97 0.950 0.950", {"run": "deepbiq"}),
                Row("DIPIQ[3]", "0.958 0.957 0.877 0.894", {"run": "dipiq"}),
            ),
            notes=(
                "The page heads the columns SROCC, PLCC, SROCC, PLCC; the text says that the "
                "first two are LIVE and the last two TID2008.",
                "The figures of BIECON (0.923) and DIPIQ (0.877, 0.894) on TID2008 are those of "
                "ALL4 in table II, where the methods were trained on LIVE.",
                "The page's own note: DIPIQ is the training and testing done in the TID2013 "
                "datasets.",
                _NUMBERS,
                "DVRM-S and ALE-F are not identified by the paper: published figures only.",
            ),
        ),
        "II": Table(
            title="TRAIN ON THE LIVE DATASET - TEST ON THE TID2008 DATASET",
            columns=(
                *each(
                    "distortion",
                    {
                        "JP2K": "jpeg2000",
                        "JPEG": "jpeg",
                        "WN": "additive_gaussian_noise",
                        "BLUR": "gaussian_blur",
                    },
                ),
                Column(
                    "ALL4",
                    {
                        "distortion": (
                            "jpeg2000",
                            "jpeg",
                            "additive_gaussian_noise",
                            "gaussian_blur",
                        )
                    },
                ),
            ),
            rows=(
                *rows(
                    "SROCC",
                    {"criterion": "srocc"},
                    "run",
                    ("DVRM-S[7]", "", "0.943 0.930 0.909 0.773 0.894"),
                    ("DVRM-A[7]", "", "0.922 0.926 0.909 0.764 0.895"),
                    ("BLISS-C[12]", "bliss_c", "0.923 0.926 0.807 0.880 0.899"),
                    ("BIECON[4]", "biecon", "0.878 0.941 0.842 0.913 0.923"),
                    ("DIPIQ[3]", "dipiq", "0.926 0.932 0.905 0.922 0.877"),
                ),
                *rows(
                    "PLCC",
                    {"criterion": "plcc"},
                    "run",
                    ("DVRM-S[7]", "", "0.945 0.942 0.919 0.801 0.911"),
                    ("DVRM-A[7]", "", "0.893 0.940 0.925 0.828 0.896"),
                    ("BLISS-C[12]", "bliss_c", "0.941 0.952 0.770 0.880 0.917"),
                    ("DIPIQ[3]", "dipiq", "0.948 0.973 0.906 0.928 0.894"),
                ),
            ),
            query={"database": "tid2008", "train": "live"},
            notes=(
                _NUMBERS,
                "The text compares training on TID2008 (table I) with training on LIVE (table II), "
                "but for BIECON and DIPIQ both tables print the same figures.",
                "DVRM-S and DVRM-A are not identified by the paper: published figures only.",
            ),
        ),
    },
)
