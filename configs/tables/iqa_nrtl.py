"""Tables 1 to 4 of IQA-NRTL, with their published figures: data only.

Show them with `jiqa tables iqa_nrtl`, and beside your own runs with
`jiqa tables iqa_nrtl --workdir=...`.
"""

PAPER = (
    "Yang, Liu, Wu, Yu: A quality assessment algorithm for no-reference images based on transfer "
    "learning. PeerJ Computer Science, 2025, doi 10.7717/peerj-cs.2654"
)

# How the paper's figures were made, and which measure of ours is theirs.
PROTOCOL = "random 90/10, 50 splits, median; PLCC of the raw predictions (equation 9)"
AGGREGATE = "median"
MEASURES = {"PLCC": "plcc", "SROCC": "srocc"}

_HAND_CRAFTED = "Based on hand-crafted statistics"
_DEEP = "Based on deep learning"
_UNRELATED = (
    "ECGQA, DLBF, FDD, CELL, PDAA and CFFA: the papers cited for them are about other subjects, "
    "so they are published figures only."
)
_SAME_CELLS = (
    "Tables 1 and 3 (KonIQ-10k, BIQ2021) and tables 2 and 3 (LIVE, TID2013) print different "
    "figures for IQA-NRTL in the same cells; each table shows its own."
)

# A column is (heading, database, measure); the database is None where the page names none. A row
# is (group, method, run, published figures); the run is None where the method is not ours to run.
TABLES = {
    "1": {
        "title": "Comparative experimental results based on the KonIQ-10K and BIQ2021 dataset",
        "columns": [
            ("KonIQ-10K", "koniq10k", "PLCC"),
            ("KonIQ-10K", "koniq10k", "SROCC"),
            ("BIQ2021", "biq2021", "PLCC"),
            ("BIQ2021", "biq2021", "SROCC"),
        ],
        "rows": [
            (_HAND_CRAFTED, "ECGQA", None, ("0.650", "0.549", "0.703", "0.612")),
            (_HAND_CRAFTED, "DLBF", None, ("0.694", "0.614", "0.743", "0.679")),
            (_HAND_CRAFTED, "FDD", None, ("0.755", "0.498", "0.802", "0.564")),
            (_DEEP, "CELL", None, ("0.713", "0.710", "0.768", "0.766")),
            (_DEEP, "PDAA", None, ("0.782", "0.638", "0.831", "0.693")),
            (_DEEP, "CFFA", None, ("0.669", "0.802", "0.727", "0.865")),
            ("", "IQA-NRTL", "iqa_nrtl/full", ("0.895", "0.850", "0.938", "0.902")),
        ],
        "notes": [
            _SAME_CELLS,
            _UNRELATED,
            "The text's gains of 15.64% and 12.68% (PLCC) and 27.76% and 5.65% (SROCC) over the "
            "best of the two groups do not follow from this table.",
        ],
    },
    "2": {
        "title": "Comparative experimental results based on the LIVE and TID2013 dataset",
        "columns": [
            ("LIVE", "live", "PLCC"),
            ("LIVE", "live", "SROCC"),
            ("TID2013", "tid2013", "PLCC"),
            ("TID2013", "tid2013", "SROCC"),
        ],
        "rows": [
            (_HAND_CRAFTED, "ECGQA", None, ("0.908", "0.859", "0.853", "0.802")),
            (_HAND_CRAFTED, "DLBF", None, ("0.915", "0.848", "0.862", "0.789")),
            (_HAND_CRAFTED, "FDD", None, ("0.906", "0.901", "0.851", "0.860")),
            (_DEEP, "CELL", None, ("0.912", "0.910", "0.860", "0.857")),
            (_DEEP, "PDAA", None, ("0.920", "0.930", "0.871", "0.883")),
            (_DEEP, "CFFA", None, ("0.877", "0.817", "0.821", "0.764")),
            ("", "IQA-NRTL", "iqa_nrtl/full", ("0.914", "0.929", "0.870", "0.874")),
        ],
        "notes": [
            _SAME_CELLS,
            _UNRELATED,
            "LIVE is taken as release 2; the paper's data link for LIVE leads to LIVE In the Wild.",
            "The text puts IQA-NRTL's SROCC on LIVE 0.009 below the best; the table's gap is 0.001 "
            "(0.930 against 0.929).",
        ],
    },
    "3": {
        "title": "Comparative experimental results",
        "columns": [
            ("KonIQ-10K", "koniq10k", "PLCC"),
            ("KonIQ-10K", "koniq10k", "SROCC"),
            ("BIQ2021", "biq2021", "PLCC"),
            ("BIQ2021", "biq2021", "SROCC"),
            ("LIVE", "live", "PLCC"),
            ("LIVE", "live", "SROCC"),
            ("TID2013", "tid2013", "PLCC"),
            ("TID2013", "tid2013", "SROCC"),
        ],
        "rows": [
            (
                "",
                "Exp_ResNet-50",
                "iqa_nrtl/resnet50",
                ("0.815", "0.721", "0.857", "0.762", "0.912", "0.918", "0.883", "0.881"),
            ),
            (
                "",
                "Exp_Semantic",
                "iqa_nrtl/semantic",
                ("0.826", "0.810", "0.868", "0.852", "0.927", "0.937", "0.892", "0.902"),
            ),
            (
                "",
                "Exp_Vision",
                "iqa_nrtl/vision",
                ("0.819", "0.799", "0.852", "0.849", "0.924", "0.928", "0.894", "0.891"),
            ),
            (
                "",
                "Exp_Adapt",
                "iqa_nrtl/adapt",
                ("0.834", "0.749", "0.871", "0.784", "0.928", "0.936", "0.891", "0.906"),
            ),
            (
                "",
                "IQA-NRTL",
                "iqa_nrtl/full",
                ("0.887", "0.859", "0.928", "0.891", "0.949", "0.955", "0.912", "0.928"),
            ),
        ],
        "notes": [
            _SAME_CELLS,
            "LIVE is taken as release 2; the paper's data link for LIVE leads to LIVE In the Wild.",
        ],
    },
    "4": {
        "title": "Comparative experimental results based on the AGIQA-1K dataset",
        "columns": [
            ("Algorithm results", None, "PLCC"),
            ("Algorithm results", None, "SROCC"),
            ("AGIQA-1K", "agiqa1k", "PLCC"),
            ("AGIQA-1K", "agiqa1k", "SROCC"),
        ],
        "rows": [
            (_HAND_CRAFTED, "ECGQA", None, ("0.894", "0.827", "0.846", "0.783")),
            (_HAND_CRAFTED, "DLBF", None, ("0.870", "0.786", "0.836", "0.793")),
            (_HAND_CRAFTED, "FDD", None, ("0.875", "0.828", "0.827", "0.826")),
            (_DEEP, "CELL", None, ("0.901", "0.899", "0.825", "0.893")),
            (_DEEP, "PDAA", None, ("0.912", "0.927", "0.804", "0.810")),
            (_DEEP, "CFFA", None, ("0.863", "0.801", "0.736", "0.762")),
            ("", "IQA-NRTL", "iqa_nrtl/full", ("0.909", "0.921", "0.903", "0.910")),
        ],
        "notes": [
            _UNRELATED,
            'The page names no database for its first two columns ("Algorithm results"), so they '
            "are published figures only.",
        ],
    },
}
