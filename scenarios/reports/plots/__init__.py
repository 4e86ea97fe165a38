"""The report's plots, in the order of the page."""

from scenarios.reports.plots import latency, rate, servers, spread, survival, tickets

PLOTS = {plot.PLOT.name: plot.PLOT for plot in (rate, servers, survival, tickets, latency, spread)}
