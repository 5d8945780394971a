--! title = "Stocked items of four manufacturers sold in stores"
--! question = "Which items in a price range and from four manufacturers were on hand in quantities of 100 to 500 within sixty days and have been sold in stores?"
--! param.INVDATE = { default = "2000-05-25", date = ["{YEAR}-01-01", "{YEAR}-07-24"] }
--! param.MANUFACT_ID = { default = [129, 270, 821, 423], count = 4, int = [1, 1000] }
--! param.PRICE = { default = 62, int = [0, 90] }
--! param.YEAR = { default = 2000, int = [1998, 2002] }

select
    i_item_id,
    i_item_desc,
    i_current_price
from item
join inventory on i_item_sk = inv_item_sk
join date_dim on inv_date_sk = d_date_sk
join store_sales on i_item_sk = ss_item_sk
where i_current_price between {PRICE} and {PRICE} + 30
    and d_date between {INVDATE} and {INVDATE} + interval '60' day
    and i_manufact_id in ({MANUFACT_ID})
    and inv_quantity_on_hand between 100 and 500
group by i_item_id, i_item_desc, i_current_price
order by i_item_id
limit 100
