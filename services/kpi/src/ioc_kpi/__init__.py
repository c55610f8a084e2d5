"""KPI: indicators held against targets; bitemporal values that can be re-proved."""
