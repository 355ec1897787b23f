"""Shows a large fleet live on a full screen: `vimesh top`. Start with `fleet_model.py`, which needs no screen.

`fleet_feed.py` fills the model, `top_app.py` and the widgets beside it draw it, `vim_deeds.py` changes VIMs.
"""
