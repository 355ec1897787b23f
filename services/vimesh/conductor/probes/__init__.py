"""Has monitors probe because somebody asks: people, or monitors that want a second opinion."""
