"""ABO blood groups: frequencies p, q, r of the genes A, B, O from the phenotypes (gene counting).

P(A) = p^2 + 2 p r,  P(B) = q^2 + 2 q r,  P(AB) = 2 p q,  P(O) = r^2.

E-step: of n_A people of group A, n_A p^2 / (p^2 + 2 p r) are AA, the others AO; so for B.
M-step: count genes, divide by 2 n.

Ceppellini, Siniscalco and Smith (1955), Annals of Human Genetics 20, 97-115.
"""

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from comparisons import bind

PEOPLE = np.array([186.0, 38.0, 13.0, 284.0])  # A, B, AB, O


def model():
    """The model in PyMC."""
    with pm.Model(coords={"allele": ["A", "B", "O"]}) as built:
        gene = pm.Dirichlet("gene", np.ones(3), dims="allele")
        p, q, r = gene[0], gene[1], gene[2]
        groups = pt.stack([p**2 + 2 * p * r, q**2 + 2 * q * r, 2 * p * q, r**2])
        pm.Potential("people", pt.sum(PEOPLE * pt.log(groups)))
    return built


def em(params):
    """One EM cycle."""
    p, q, r = params["gene"]
    a, b, ab, o = PEOPLE
    aa, bb = a * p**2 / (p**2 + 2 * p * r), b * q**2 / (q**2 + 2 * q * r)
    genes = np.array([2 * aa + (a - aa) + ab, 2 * bb + (b - bb) + ab, (a - aa) + (b - bb) + 2 * o])
    return {"gene": genes / (2 * PEOPLE.sum())}


def em_with_a_bug(params):
    """The genes of AB are counted twice."""
    p, q, r = params["gene"]
    a, b, ab, o = PEOPLE
    aa, bb = a * p**2 / (p**2 + 2 * p * r), b * q**2 / (q**2 + 2 * q * r)
    genes = np.array([2 * aa + (a - aa) + 2 * ab, 2 * bb + (b - bb) + 2 * ab, (a - aa) + (b - bb) + 2 * o])
    return {"gene": genes / genes.sum()}


def case(em=em):
    """The two bound together."""
    return bind(model, em, name="abo", title="ABO blood groups, 521 people")
