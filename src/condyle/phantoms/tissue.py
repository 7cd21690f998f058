"""What each tissue looks like to a CT and to an MR scanner.

Sources, all for healthy adults, rounded:

* CT numbers at 120 kV: ICRU report 44 compositions as evaluated by Schneider et al. (Phys Med Biol 1996;
  41:111) and Kalender, *Computed Tomography* (2011). Calibration rods follow the nearly linear 1.4 HU per
  mgHA/cm3 of common quantitative-CT phantoms.
* T1 and T2 at 1.5 T: Gold et al. (AJR 2004; 183:343) for the knee; de Bazelaire et al. (Radiology 2004;
  230:652) for the abdomen and red marrow; Stanisz et al. (Magn Reson Med 2005; 54:507) for blood;
  Reichert et al. (Magn Reson Imaging 2005; 23:611) for cortical bone and meniscus.

T1 grows with the field roughly as `B0 ** 0.35` in tissues of water (Bottomley et al., Med Phys 1984; 11:425),
hardly in fat; T2 may be taken as constant.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tissue:
    """One tissue or material.

    Args:
        ct_hu: Mean CT number.
        texture_hu: Standard deviation of its structure between millimetre-sized parts; scanner noise not included.
        t1_ms: Longitudinal relaxation time at 1.5 T.
        t2_ms: Transverse relaxation time.
        proton_density: Visible protons relative to water.
        fat_fraction: Part of the protons that sit in fat (for fat suppression and Dixon).
    """

    ct_hu: float
    texture_hu: float
    t1_ms: float
    t2_ms: float
    proton_density: float
    fat_fraction: float


#: Every tissue by name. The position in this table is the integer code in a sampled subject; 0 is air.
TISSUES: dict[str, Tissue] = {
    # name                           HU  texture    T1     T2     PD   fat
    "air":                  Tissue(-1000,    0,  1000,    1.0,  0.00, 0.00),
    # soft tissues
    "skin":                 Tissue(   60,   15,   900,   30.0,  0.70, 0.15),
    "fat":                  Tissue( -105,    8,   290,  165.0,  0.90, 0.95),
    "muscle":               Tissue(   55,    8,  1130,   35.0,  0.79, 0.03),
    "tendon":               Tissue(   95,    6,   800,    5.0,  0.55, 0.00),
    "ligament":             Tissue(   95,    6,   800,    6.0,  0.55, 0.00),
    "meniscus":             Tissue(   95,    6,   900,    9.0,  0.60, 0.00),
    "cartilage":            Tissue(   80,    6,  1060,   42.0,  0.75, 0.00),
    "growth_plate":         Tissue(  110,   12,  1100,   55.0,  0.80, 0.00),
    "intervertebral_disc":  Tissue(   85,    8,  1200,   60.0,  0.80, 0.00),
    "synovial_fluid":       Tissue(   12,    2,  2850, 1200.0,  0.95, 0.00),
    "blood":                Tissue(   45,    2,  1440,  290.0,  0.85, 0.00),
    "blood_enhanced":       Tissue(  170,    4,   350,  150.0,  0.85, 0.00),
    # bone
    "cortical_bone":        Tissue( 1450,   60,   250,    0.5,  0.20, 0.00),
    "trabecular_bone":      Tissue(  160,   45,   310,  110.0,  0.78, 0.75),
    "dense_trabecular_bone": Tissue(  330,   60,   320, 105.0,  0.75, 0.72),
    "yellow_marrow":        Tissue(  -75,   12,   290,  160.0,  0.88, 0.85),
    "red_marrow":           Tissue(   40,   15,   550,   50.0,  0.80, 0.45),
    # abdomen; `_enhanced` is the portal venous phase of an iodine contrast agent
    "liver":                Tissue(   58,    4,   586,   46.0,  0.80, 0.03),
    "liver_enhanced":       Tissue(  110,    5,   400,   44.0,  0.80, 0.03),
    "spleen":               Tissue(   50,    4,  1057,   79.0,  0.80, 0.00),
    "spleen_enhanced":      Tissue(  122,    5,   500,   70.0,  0.80, 0.00),
    "kidney_cortex":        Tissue(   36,    4,   966,   87.0,  0.80, 0.01),
    "kidney_cortex_enhanced": Tissue(185,    8,   450,   80.0,  0.80, 0.01),
    "kidney_medulla":       Tissue(   30,    4,  1412,   85.0,  0.82, 0.01),
    "kidney_medulla_enhanced": Tissue(150,  10,   500,   80.0,  0.82, 0.01),
    "bowel_wall":           Tissue(   45,    8,   900,   50.0,  0.80, 0.02),
    "bowel_content":        Tissue(   25,   12,  1500,  120.0,  0.85, 0.05),
    "gas":                  Tissue( -990,    5,  1000,    1.0,  0.00, 0.00),
    "lung":                 Tissue( -800,   40,  1200,    2.0,  0.15, 0.00),
    # materials
    "water":                Tissue(    0,    0,  3000, 2000.0,  1.00, 0.00),
    "foam":                 Tissue( -950,    5,  1000,    1.0,  0.00, 0.00),
    "table_carbon":         Tissue( -120,   20,  1000,    1.0,  0.00, 0.00),
    "polyurethane":         Tissue(   60,    8,  1000,    1.0,  0.02, 0.00),
    "pmma":                 Tissue(  125,    2,  1000,    1.0,  0.00, 0.00),
    "rod_0_mgha":           Tissue(    0,    1,  1000,    1.0,  0.00, 0.00),
    "rod_100_mgha":         Tissue(  140,    2,  1000,    1.0,  0.00, 0.00),
    "rod_200_mgha":         Tissue(  280,    3,  1000,    1.0,  0.00, 0.00),
    "rod_400_mgha":         Tissue(  560,    4,  1000,    1.0,  0.00, 0.00),
    "rod_800_mgha":         Tissue( 1120,    6,  1000,    1.0,  0.00, 0.00),
    "titanium":             Tissue( 8000,   20,  1000,    1.0,  0.00, 0.00),
}  # fmt: skip

#: Code of each tissue in a sampled subject.
CODES: dict[str, int] = {name: code for code, name in enumerate(TISSUES)}
