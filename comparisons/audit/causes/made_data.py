"""What a failure on data that were made for it usually means, by what the data are."""

# Data that were made for one kind of bug show that kind.
SHOWS = {
    "one more item": "a number of items is written into the code",
    "one coin more": "a number of coins is written into the code",
    "one component more": "a number of components is written into the code",
    "the rows in another order": "something depends on the order of the rows: the first one, or those before and after",
    "the same number of rows with other values": (
        "something of the first data is kept: a cache by the number of rows, numbers written into the code"
    ),
    "rows too long for probabilities without logarithms": (
        "rows whose probability is too small for a double are skipped, or their probability is replaced"
    ),
    "counts too large for probabilities without logarithms": (
        "counts whose probability is too small for a double are skipped, or their probability is replaced"
    ),
    "an item that is solved less often with more ability": "slopes are kept positive",
}
# Others show it where no mistake is found that gives the same numbers.
HINTS = {
    "a steep item and an easy one": "slopes or intercepts are cut off at a limit",
    "rare tails": "biases are kept off 1 by an upper bound, by smoothing, or by truncation",
    "animals that are nearly always linked": "theta is kept off 1",
    "animals that are hardly ever linked": "theta is kept off 0",
    "numbers that nearly agree": "the correlation is kept off 1",
    "variances far apart": "the regression coefficient is taken for the correlation, or a variance is kept off 0",
    "45 items": "rows whose probability is tiny are skipped, or a number of items is written into the code",
    "every row twice": "equal rows are counted once, or the number of rows is written into the code",
    "resampled rows": "equal rows are counted once, or numbers of the given data are written into the code",
    "each row one to three times as often": "the frequencies are not used everywhere",
    "unequal flips": (
        "one number of flips is used for all rows, or proportions are averaged where heads and flips have to "
        "be added up"
    ),
    "frequencies of 0, 1, 2 and 3": "the frequencies are not used everywhere",
    "frequencies of 0 and above 1": "the frequencies are not used everywhere",
    "rare heads": "biases are kept off 0 by a lower bound, by smoothing, or by truncation",
    "rates below .5": "rates are kept off 0 by a lower bound",
    "other counts": "numbers of the given data are written into the code: the largest count, the number of rows",
    "other animals": "numbers of the given data are written into the code",
    "closely linked animals": "theta is kept off 1",
    "thousands of animals": "numbers of the given data are written into the code",
    "unequal variances and entries missing": (
        "a missing entry or a scale is handled wrongly: rows dropped, the regression coefficient taken for "
        "the correlation, the conditional variance left out"
    ),
    "no entry missing": "incomplete rows are taken for granted",
    "missing answers": "a missing answer is taken for a wrong one, or its examinee is dropped",
    "nodes that are not symmetric": "nodes or weights are taken in another order, or written into the code",
    "rare right answers": "intercepts or probabilities are cut off, or rows are skipped",
}
